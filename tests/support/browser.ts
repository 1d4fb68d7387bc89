import { existsSync } from 'node:fs';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** True if tests can open pages. On a machine of CI they must. */
export const hasBrowser = existsSync(CHROMIUM) || process.env['CI'] !== undefined;
if (!hasBrowser) {
  process.stderr.write(
    `\n*** NOT TESTED: pages in a browser, because there is no ${CHROMIUM}: apt-get install chromium ***\n\n`,
  );
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

/** What a page did that it should not do: errors and warnings in its console, and requests to other servers. */
export function watchPage(page: Page, address: string): string[] {
  const faults: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${address}/`) && !request.url().startsWith('data:')) {
      faults.push(`request to ${request.url()}`);
    }
  });
  return faults;
}

/** The rules of accessibility that a page breaks, and where: all rules, or only some. */
export async function auditPage(page: Page, rules?: readonly string[]): Promise<string[]> {
  await page.evaluate(axe.source);
  const options = JSON.stringify(rules === undefined ? {} : { runOnly: rules });
  const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(${options})`);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}

/** By how many pixels a page is wider than its window. */
export async function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
}
