import { benchApi } from './api.ts';
import { benchAudience } from './audience.ts';
import { benchContent } from './content.ts';
import { benchExport } from './export.ts';
import { benchLedger } from './ledger.ts';
import { benchPlan } from './plan.ts';
import { benchReceipts } from './receipts.ts';
import { benchReport } from './report.ts';
import { benchScale } from './scale.ts';
import { benchSender } from './sender.ts';
import { benchStart } from './start.ts';

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  api: benchApi,
  audience: benchAudience,
  content: benchContent,
  export: benchExport,
  ledger: benchLedger,
  plan: benchPlan,
  receipts: benchReceipts,
  report: benchReport,
  scale: benchScale,
  sender: benchSender,
  start: benchStart,
};

const bench = BENCHES[process.argv[2] ?? ''];
if (bench) await bench();
else {
  process.stderr.write(`npm run bench -- NAME, one of: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exitCode = 2;
}
