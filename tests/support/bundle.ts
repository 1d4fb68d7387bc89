import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

export interface Bundle {
  /** Path of the bundle's entry, the file that Lambda loads. */
  readonly file: string;
  /** Paths of all files of the bundle, the entry first. */
  readonly files: readonly string[];
  /** Size of the files that every start loads. The others are loaded when they are used. */
  readonly bytes: number;
  /** Size of all files. */
  readonly allBytes: number;
  /** Source files in the bundle, by their paths from the project's folder. */
  readonly inputs: readonly string[];
  /** Source files in the files that every start loads. */
  readonly startInputs: readonly string[];
  /** Modules that the bundle imports at run time. */
  readonly imports: readonly string[];
}

interface Output {
  readonly bytes: number;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly imports: readonly { readonly path: string; readonly kind: string; readonly external?: boolean }[];
}

interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, Output>>;
}

/** Builds the bundle into a folder, by `npm run build`. */
export async function buildBundle(folder: string): Promise<Bundle> {
  const file = join(folder, 'handler.mjs');
  const metafile = join(folder, 'meta.json');
  const flags = [`--outdir=${folder}`, `--metafile=${metafile}`, '--log-level=warning'];
  await promisify(execFile)('npm', ['run', '--silent', 'build', '--', ...flags]);
  const { inputs, outputs } = JSON.parse(await readFile(metafile, 'utf8')) as Metafile;
  const byFile = new Map(Object.entries(outputs).map(([path, output]) => [resolve(path), output]));
  const atStart = loadedWith(file, byFile);
  const imports = [...byFile.values()].flatMap((output) => output.imports);
  return {
    file,
    files: [file, ...[...byFile.keys()].filter((each) => each !== file)],
    bytes: sumBytes(atStart),
    allBytes: sumBytes([...byFile.values()]),
    inputs: Object.keys(inputs),
    startInputs: atStart.flatMap((output) => Object.keys(output.inputs)),
    imports: imports.filter(({ external }) => external).map(({ path }) => path),
  };
}

/** The entry and what it imports at once, and not by `await import`. */
function loadedWith(entry: string, outputs: ReadonlyMap<string, Output>): Output[] {
  const files = new Set([entry]);
  // A set also yields what is added while it is walked.
  for (const file of files) {
    const output = outputs.get(file);
    if (!output) throw new Error(`expected ${file} in the bundle, got ${[...outputs.keys()].join(', ')}`);
    for (const { path, kind, external } of output.imports)
      if (!external && kind !== 'dynamic-import') files.add(resolve(path));
  }
  return [...files].flatMap((file) => outputs.get(file) ?? []);
}

function sumBytes(outputs: readonly Output[]): number {
  return outputs.reduce((sum, { bytes }) => sum + bytes, 0);
}
