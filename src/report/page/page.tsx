/** @jsxRuntime automatic @jsxImportSource preact */
import { renderToString } from 'preact-render-to-string';
import type { AnnouncementStatus } from '../../model/announcement.ts';
import { formatTime } from '../../words.ts';
import { BalanceSection, type LinkOf } from './balance.tsx';
import { Cost } from './cost.tsx';
import { writeHeadline } from './headline.ts';
import { Hops } from './hops.tsx';
import { Message } from './message.tsx';
import { Words } from './parts.tsx';
import type { Report } from './report.ts';
import { Answers, Speed, TimeParts } from './speed.tsx';
import { PAGE_STYLE } from './style.ts';
import { Audit, Comparison, Errors } from './tables.tsx';

/** The page loads nothing and runs nothing, also if text of a user should get into it as HTML. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** `renderPage` makes the report as one HTML file. `linkOf` makes the addresses of the deliveries of a verdict. */
export function renderPage(report: Report, linkOf: LinkOf = null): string {
  return `<!doctype html>${renderToString(<Page report={report} linkOf={linkOf} />)}`;
}

function Page({ report, linkOf }: { report: Report; linkOf: LinkOf }) {
  const { announcement, hops, use, now } = report;
  const { announcementId, content, source, status } = announcement;
  const { headline, lines } = writeHeadline(report);
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content={PAGE_POLICY} />
        <meta name="referrer" content="no-referrer" />
        <title>{`Announcement ${announcementId}: report`}</title>
        <style dangerouslySetInnerHTML={{ __html: PAGE_STYLE }} />
      </head>
      <body>
        <main>
          <header>
            <p class="eyebrow">
              <span class={`status ${TONES[status]}`}>{status}</span> Announcement {announcementId} through{' '}
              {source}
              {content !== null && (
                <>
                  {': '}
                  <b>
                    <Words text={content.title.slice(0, 300)} />
                  </b>
                </>
              )}
            </p>
            <h1>{headline}</h1>
            {lines.map((line) => (
              <p class="lead" key={line}>
                {line}
              </p>
            ))}
          </header>
          <BalanceSection report={report} linkOf={linkOf} />
          {use !== null && (
            <>
              <Speed report={report} use={use} />
              <TimeParts use={use} />
              <Hops hops={hops} now={use.endedAt} />
              <Answers hops={hops} use={use} />
            </>
          )}
          <Errors report={report} />
          {use !== null && <Comparison report={report} use={use} />}
          {use !== null && <Cost hops={hops} now={use.endedAt} />}
          {content !== null && <Message content={content} source={source} />}
          <Audit report={report} />
        </main>
        <footer>
          Made by Baton on {formatTime(now)} UTC,{' '}
          {status === 'running' ? 'while it was running' : 'from its database'}. It contains no token of a
          device.
        </footer>
      </body>
    </html>
  );
}

const TONES: Readonly<Record<AnnouncementStatus, string>> = {
  draft: 'is-still',
  scheduled: 'is-still',
  running: 'is-open',
  paused: 'is-still',
  cancelled: 'is-still',
  failed: 'is-bad',
  done: 'is-good',
};
