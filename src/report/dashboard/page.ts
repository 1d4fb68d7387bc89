import { createHash } from 'node:crypto';
import { LOGIN_SCRIPT } from './login-script.ts';
import { DASHBOARD_SCRIPT } from './script.ts';
import { DASHBOARD_STYLE } from './style.ts';
import { DASHBOARD_VIEW } from './view.ts';

/** A page, and the Content-Security-Policy that allows nothing but its own style and script. */
export interface StrictPage {
  readonly html: string;
  readonly policy: string;
}

export interface DashboardOptions {
  /** What precedes the paths of Baton in the URL. */
  readonly base: string;
  readonly stage: string;
  /** The name of the API token of the session; null: it has none. */
  readonly name: string | null;
  /** True: pause, resume, approve and cancel are offered. */
  readonly maySend: boolean;
  /** What the page sends with each change. */
  readonly key: { readonly header: string; readonly value: string };
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%230b6b57'/%3E%3Cpath d='M10 22 22 10' stroke='%23fff' stroke-width='6' stroke-linecap='round'/%3E%3C/svg%3E";

const MARK = `<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8"/><path d="M10 22 22 10"/></svg>`;

/**
 * The page that asks for an API token. `isFromElsewhere`: it was opened by a link of another site, so that the browser has kept
 * the cookie back. Then the page asks again at once, as a page of this site.
 */
export function makeLoginPage({
  base,
  isFromElsewhere,
}: Pick<DashboardOptions, 'base'> & { readonly isFromElsewhere: boolean }): StrictPage {
  return makePage({
    title: 'Sign in · Baton',
    head: isFromElsewhere ? `<meta http-equiv="refresh" content="0; url=${escapeHtml(base)}/dashboard">` : '',
    data: { base },
    // Without a script, the token would go into no URL either: the form is a POST.
    body: `<main class="login">
  <h1>${MARK}Baton</h1>
  <form id="login" method="post" action="${escapeHtml(base)}/dashboard/login">
    <input class="unseen" name="username" value="baton" autocomplete="username" tabindex="-1" aria-hidden="true" readonly>
    <label for="token">API token</label>
    <input id="token" name="token" type="password" autocomplete="current-password" autocapitalize="none" spellcheck="false" required autofocus>
    <p id="problem" class="problem" role="alert"></p>
    <button class="primary" type="submit">Sign in</button>
    <p class="hint">A token of <code>API_TOKEN</code> with the scope <code>read</code>; with <code>send</code> it may also pause, resume, approve and cancel. You stay signed in for 12 hours.</p>
  </form>
</main>`,
    script: LOGIN_SCRIPT,
  });
}

/** The page of the dashboard. It holds no data: its script asks for them. */
export function makeDashboardPage({ base, stage, name, maySend, key }: DashboardOptions): StrictPage {
  const who = name === null ? '' : `<span class="name">${escapeHtml(name)}</span>`;
  return makePage({
    title: `Baton ${stage}`,
    head: '',
    data: { base, keyHeader: key.header, key: key.value, maySend: maySend ? 'yes' : 'no' },
    body: `<header class="top">
  <h1>${MARK}Baton <span class="stage">${escapeHtml(stage)}</span></h1>
  <p id="fresh" class="fresh" role="status">Loading</p>
  <p class="who">${who}<button id="out" type="button">Sign out</button></p>
</header>
<p id="warning" class="warning" role="alert" hidden></p>
<p id="said" class="unseen" role="status"></p>
<main class="board">
  <div class="first">
    ${makeSection('now', 'Now', 'Nothing is being sent.')}
    ${makeSection('scheduled', 'Scheduled', 'Nothing is scheduled.')}
  </div>
  <div class="side">
    ${makeSection('sources', 'Sources', 'No source is configured.')}
    ${makeSection('devices', 'Devices', 'Counting.')}
  </div>
  <div class="past">
    ${makeSection('earlier', 'Earlier', 'No announcement yet. <code>POST /announcements</code> or <code>baton push</code> makes the first one.')}
    <p class="more"><button id="older" type="button" hidden>Older</button></p>
  </div>
</main>
<dialog id="confirm" aria-labelledby="confirm-title" aria-describedby="confirm-text">
  <h2 id="confirm-title"></h2>
  <p id="confirm-name" class="title" dir="auto"></p>
  <p id="confirm-text"></p>
  <div id="accepts" hidden>
    <label><input id="accept-edits" type="checkbox"> If its row was edited since the start, send the rest as the row is now.</label>
    <label id="accept-gone"><input id="accept-unregistered" type="checkbox"> The unregistered devices are really gone: do not fail again because of them.</label>
  </div>
  <p id="confirm-problem" class="problem" role="alert"></p>
  <p class="answers"><button id="back" type="button">Back</button><button id="yes" type="button"></button></p>
</dialog>`,
    script: `'use strict';(() => {${DASHBOARD_VIEW}${DASHBOARD_SCRIPT}})();`,
  });
}

function makeSection(id: string, heading: string, empty: string): string {
  return `<section class="${id}" aria-labelledby="${id}-heading"><h2 id="${id}-heading">${heading}</h2><ul id="${id}"></ul><p id="${id}-empty" class="empty" hidden>${empty}</p></section>`;
}

interface Parts {
  readonly title: string;
  readonly head: string;
  /** What the script reads from the attributes of the body. */
  readonly data: Readonly<Record<string, string>>;
  readonly body: string;
  readonly script: string;
}

function makePage({ title, head, data, body, script }: Parts): StrictPage {
  const attributes = Object.entries(data).map(
    ([name, value]) =>
      ` data-${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}="${escapeHtml(value)}"`,
  );
  return {
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
${head}
<link rel="icon" href="${ICON}">
<style>${DASHBOARD_STYLE}</style>
</head>
<body${attributes.join('')}>
${body}
<script>${script}</script>
</body>
</html>
`,
    policy: [
      "default-src 'none'",
      `script-src '${hashOf(script)}'`,
      `style-src '${hashOf(DASHBOARD_STYLE)}'`,
      "connect-src 'self'",
      'img-src data:',
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; '),
  };
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
