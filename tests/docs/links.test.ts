import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { main } from '../../src/cli/main.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAX_README_LINES = 200;

const README = 'README.md';
const PAGES = [README, ...globSync(['docs/**/*.md', 'deploy/**/*.md'], { cwd: ROOT })];
/** Everything that people read before the code. */
const TEXTS = [...PAGES, ...globSync('deploy/*', { cwd: ROOT })];

interface Link {
  /** The file that the link leads to, by its path from the root of the repository. */
  readonly file: string;
  /** A heading of that file; an empty text for none. */
  readonly anchor: string;
}

test.each(PAGES)('every link of %s leads to a file, and to a heading if it names one', (page) => {
  const broken = linksOf(page).filter(
    ({ file, anchor }) =>
      !existsSync(join(ROOT, file)) || (anchor !== '' && !anchorsOf(file).includes(anchor)),
  );
  expect(broken).toEqual([]);
});

test('every page of docs is reached from the README', () => {
  const reached = new Set([README]);
  for (const page of reached) {
    for (const { file } of linksOf(page)) if (PAGES.includes(file)) reached.add(file);
  }
  expect([...reached].toSorted()).toEqual(PAGES.toSorted());
});

test.each(TEXTS)('every file of the repository that %s names is there', (page) => {
  const names = read(page).match(/\b(docs|deploy|src|tests)\/[\w/.-]+\.(md|ts|sql|yaml|example)\b/g) ?? [];
  expect(names.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
});

test.each(TEXTS)('every npm script that %s names is in package.json', (page) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const names = [
    ...matchesOf(page, /\bnpm run (?:-s )?([a-z][\w:-]*)/g),
    ...matchesOf(page, /\bnpm (start|test)\b/g),
  ];
  expect(names.filter((name) => !(name in scripts))).toEqual([]);
});

test.each(TEXTS)(
  'every command of baton that %s names is one of the command line, with its options',
  async (page) => {
    const commands = commandsOf(await fetchHelp());
    expect(commands).toContain('push');
    const unknown: string[] = [];
    for (const { command, options } of usesOf(page)) {
      if (!commands.includes(command)) unknown.push(command);
      else {
        const help = await fetchHelp(command);
        const known = new Set(help.match(/--[a-z][a-z-]*/g));
        unknown.push(
          ...options.filter((option) => !known.has(option)).map((option) => `${command} ${option}`),
        );
      }
    }
    expect(unknown).toEqual([]);
  },
);

test(`the README has at most ${MAX_README_LINES} lines`, () => {
  expect(read(README).trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_README_LINES);
});

/** Relative links in the prose of a page; addresses of other sites are not checked. */
function linksOf(page: string): Link[] {
  const prose = withoutCode(read(page)).replaceAll(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return { file: path === '' ? page : normalize(join(dirname(page), path)), anchor };
    });
}

/** The anchors that GitHub gives to the headings of a page: a second heading of the same words ends in -1. */
function anchorsOf(page: string): string[] {
  const counts = new Map<string, number>();
  return Array.from(withoutCode(read(page)).matchAll(/^#+ (.*)$/gm), ([, heading = '']) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

interface Use {
  readonly command: string;
  readonly options: readonly string[];
}

/** Where a page uses the command line: in code that begins with `baton`, up to the end of that code or line. */
function usesOf(page: string): Use[] {
  const pattern = /(?:`|^\s*|\bnpm run -s )baton\s(?:-- )?([a-z]+)((?:\\\n|[^`\n])*)/gm;
  return Array.from(read(page).matchAll(pattern), ([, command = '', rest = '']) => ({
    command,
    options: rest.match(/(?<=\s)--[a-z][a-z-]*/g) ?? [],
  }));
}

async function fetchHelp(...command: string[]): Promise<string> {
  let help = '';
  const terminal = {
    env: {},
    folder: ROOT,
    out: (text: string): void => {
      help += text;
    },
    err: () => {},
    live: false,
    width: () => 100,
    dialog: null,
    interrupted: () => Promise.resolve(),
  };
  await main([...command, '--help'], terminal);
  return help;
}

/** The commands that `baton --help` lists: each begins a line, after two spaces. */
function commandsOf(help: string): string[] {
  return Array.from(help.matchAll(/^ {2}([a-z]+)\b/gm), ([, name = '']) => name);
}

function matchesOf(page: string, pattern: RegExp): string[] {
  return Array.from(read(page).matchAll(pattern), ([, name = '']) => name);
}

function withoutCode(text: string): string {
  return text.replaceAll(/^ *```.*?^ *```/gms, '');
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}
