import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { readConfig } from '../config/config.ts';
import { fetchReport } from '../report/page/report.ts';
import { ANNOUNCEMENT_ID, parseAnnouncementId } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { describeFileError } from './file-error.ts';
import { refuse, text } from './options.ts';
import { withStore } from './with-store.ts';

export const reportCommand = defineCommand({
  description:
    'Write the report page of an announcement: one HTML file that loads nothing, to read, print or forward. ' +
    'It contains no token of a device.',
  examples: [['baton report 42 -o report.html', 'A file for the browser']],
  operands: ANNOUNCEMENT_ID,
  options: {
    output: {
      ...text('FILE', 'the file to write; without it the page is printed', { fallback: null }),
      short: 'o',
    },
  },
  async run({ options: { output }, operands }, { env, folder, out, err }) {
    const announcementId = parseAnnouncementId(operands);
    // What is wrong with the rest of the configuration does not matter here.
    const { config } = readConfig(env);
    const report = await withStore(env, (store) =>
      fetchReport({ store, clock: systemClock, config }, announcementId),
    );
    const { renderPage } = await import('../report/page/page.tsx');
    const page = renderPage(report);
    if (output === null) {
      out(page);
      return 0;
    }
    await writeFile(resolve(folder, output), page).catch((error: unknown) => {
      throw refuse('--output', 'a file that can be written', describeFileError(error));
    });
    err(`wrote ${Math.ceil(Buffer.byteLength(page) / 1000)} KB\n`);
    return 0;
  },
});
