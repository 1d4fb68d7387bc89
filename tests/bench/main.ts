import { benchLedger } from './ledger.ts';

const BENCHES: Readonly<Record<string, () => Promise<void>>> = { ledger: benchLedger };

const bench = BENCHES[process.argv[2] ?? ''];
if (bench) await bench();
else {
  process.stderr.write(`npm run bench -- NAME, one of: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exitCode = 2;
}
