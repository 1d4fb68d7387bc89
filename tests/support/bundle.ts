import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Bundle {
  /** Path of the bundle, the file that the image runs. */
  readonly file: string;
  readonly bytes: number;
  /** Source files in the bundle, by their paths from the project's folder. */
  readonly inputs: readonly string[];
  /** Modules that the bundle imports at run time. */
  readonly imports: readonly string[];
}

interface Metafile {
  readonly inputs: Record<string, unknown>;
  readonly outputs: Record<string, { bytes: number; imports: { path: string }[] }>;
}

/** Builds the bundle into a folder, by `npm run build`. */
export async function buildBundle(folder: string): Promise<Bundle> {
  const file = join(folder, 'handler.mjs');
  const metafile = join(folder, 'meta.json');
  const flags = [`--outfile=${file}`, `--metafile=${metafile}`, '--log-level=warning'];
  await promisify(execFile)('npm', ['run', '--silent', 'build', '--', ...flags]);
  const { inputs, outputs } = JSON.parse(await readFile(metafile, 'utf8')) as Metafile;
  const [output, ...more] = Object.values(outputs);
  if (!output || more.length > 0)
    throw new Error(`expected one file, got ${Object.keys(outputs).join(', ')}`);
  return {
    file,
    bytes: output.bytes,
    inputs: Object.keys(inputs),
    imports: output.imports.map(({ path }) => path),
  };
}
