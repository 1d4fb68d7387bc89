import { systemClock } from '../clock.ts';
import type { Clock } from '../context.ts';
import type { Store } from '../store.ts';
import { makeAlerts } from './alerts.ts';
import { makeAnnouncements } from './announcements.ts';
import { makeAudiences } from './audience.ts';
import { makeAudits } from './audits.ts';
import { makeBudgets } from './budgets.ts';
import { makeCanaries } from './canaries.ts';
import { makeChecks } from './checks.ts';
import { makeDeliveries } from './deliveries.ts';
import { makeDevices } from './devices.ts';
import type { Driver } from './driver.ts';
import { makeExports } from './export.ts';
import { makeExplanations } from './explain.ts';
import { makeHops } from './hops.ts';
import { makeMembers } from './members.ts';
import { makeMessages } from './messages.ts';
import { makeOverviews } from './overviews.ts';
import { makeRetention } from './prune.ts';
import { makeReceipts } from './receipts.ts';
import { makeSelect } from './selection.ts';
import { makeSeries } from './series.ts';
import { makeSummaries } from './summaries.ts';
import { makeTemplates } from './templates.ts';

/**
 * The store over either database: the SQL is the same but for the words of its dialect. `audienceViews` are the patterns of
 * AUDIENCE_VIEWS.
 */
export function makeStore(
  driver: Driver,
  audienceViews: readonly string[] = [],
  clock: Pick<Clock, 'now'> = systemClock,
): Store {
  const select = makeSelect(driver, audienceViews);
  return {
    ...makeAnnouncements(driver, select),
    ...makeHops(driver),
    ...makeDeliveries(driver),
    ...makeDevices(driver, select, clock),
    ...makeMembers(driver),
    ...makeMessages(driver),
    ...makeTemplates(driver),
    ...makeBudgets(driver),
    ...makeSeries(driver),
    ...makeSummaries(driver),
    ...makeAudiences(driver, select),
    ...makeAudits(driver),
    ...makeOverviews(driver),
    ...makeExports(driver),
    ...makeRetention(driver),
    ...makeAlerts(driver),
    ...makeCanaries(driver),
    ...makeChecks(driver),
    ...makeReceipts(driver),
    ...makeExplanations(driver),
    close: () => driver.close(),
  };
}
