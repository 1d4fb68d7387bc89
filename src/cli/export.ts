import { findAnnouncement } from '../broadcast/announcement.ts';
import { codeOf, PushError } from '../errors.ts';
import type { ExportOptions } from '../store/exports.ts';
import type { Verdict } from '../model/delivery.ts';
import { VERDICTS } from '../model/delivery.ts';
import { checkExportable, EXPORT_START, fetchExportPage, openCsvFormat } from '../report/export.ts';
import { showWord } from '../show.ts';
import type { Store } from '../store.ts';
import { ANNOUNCEMENT_ID, parseAnnouncementId } from './announcement-id.ts';
import { defineCommand } from './command.ts';
import { describeFileError } from './file-error.ts';
import { flag, type Option, refuse } from './options.ts';
import type { Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';

const verdict: Option<readonly Verdict[]> = {
  help: `only deliveries of this verdict; may be repeated: ${VERDICTS.join(', ')}`,
  placeholder: 'VERDICT',
  fallback: [],
  isRepeatable: true,
  parse(value, field) {
    const choice = VERDICTS.find((each) => each === value);
    if (choice !== undefined) return [choice];
    throw refuse(field, `one of ${VERDICTS.join(', ')}`, showWord(value, VERDICTS));
  },
};

export const exportCommand = defineCommand({
  description:
    'Print the deliveries of an announcement as CSV, one line for each push: the member, the device, the verdict, the ' +
    "reason, the time, and FCM's id of the message. What has not been sent yet has no line.",
  examples: [
    ['baton export 42 > deliveries.csv', 'All deliveries'],
    [
      'baton export 42 --verdict unregistered --verdict rejected > not-reached.csv',
      'The phones that it did not reach',
    ],
  ],
  operands: ANNOUNCEMENT_ID,
  options: {
    verdict,
    targets: flag(
      'also print the registration tokens and installation ids: with them and the key, anybody can push to these phones',
    ),
  },
  async run({ options: { verdict: verdicts, targets }, operands }, terminal) {
    const announcementId = parseAnnouncementId(operands);
    await withStore(terminal.env, (store) =>
      printDeliveries(store, announcementId, { verdicts, withTargets: targets }, terminal),
    );
    return 0;
  },
});

/** A reader that has read enough, such as `head`, closes the pipe. */
class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

async function printDeliveries(
  store: Store,
  announcementId: number,
  options: Omit<ExportOptions, 'after'>,
  { out, write = async (text) => out(text) }: Terminal,
): Promise<void> {
  const announcement = await findAnnouncement({ store }, announcementId);
  await checkExportable({ store }, announcementId);
  const { header, lines } = await openCsvFormat(options);
  const print = (text: string): Promise<void> =>
    write(text).catch((cause: unknown) => {
      if (codeOf(cause) === 'EPIPE') throw new ReaderGone();
      const got = describeFileError(cause);
      throw PushError.of('NOT_WRITTEN', [{ field: 'output', expected: 'room for all lines', got }], cause);
    });
  const fetch = (after: ExportOptions['after']) =>
    fetchExportPage({ store }, announcement, { ...options, after });
  try {
    await print(header);
    for (let page = await fetch(EXPORT_START); ;) {
      // The next page is read while this one is written.
      const reading = page.next === null ? null : fetch(page.next);
      reading?.catch(() => {});
      if (page.deliveries.length > 0) await print(lines(page.deliveries));
      if (reading === null) break;
      page = await reading;
    }
    // What was deleted meanwhile is missing.
    await checkExportable({ store }, announcementId);
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error;
  }
}
