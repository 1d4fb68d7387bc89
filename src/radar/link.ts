import { cleanValue } from '../signals.ts';

/** One link of the header Link (RFC 8288), and its relations. */
const LINK = /<([^<>]{1,1000})>([^<]{0,1000})/g;
const RELATIONS = ['sunset', 'deprecation', 'successor-version'];

/**
 * Finds the page in a Link header that says most about the end of something: its sunset, its deprecation, its successor. Only
 * an HTTPS address, without a query; null if there is none.
 */
export function findLink(value: string): string | null {
  const links = [...value.matchAll(LINK)].map(([, target = '', parameters = '']) => ({
    address: addressOf(target),
    relations: /\brel\s*=\s*"?([^",;]+)/i.exec(parameters)?.[1]?.toLowerCase().split(/\s+/) ?? [],
  }));
  for (const relation of RELATIONS) {
    const found = links.find(({ address, relations }) => address !== null && relations.includes(relation));
    if (found) return found.address;
  }
  return null;
}

function addressOf(target: string): string | null {
  const url = URL.parse(target.trim());
  return url?.protocol === 'https:' ? cleanValue(`https://${url.host}${url.pathname}`) : null;
}
