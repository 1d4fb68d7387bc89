import type { Driver } from '../db/driver.ts';
import { codeOf, messageOf } from '../errors.ts';
import { type Finding, green, red } from './check.ts';
import { GRANT } from './database-advice.ts';

/** Each table, with a column for an UPDATE that changes no row. */
export const TABLES: readonly (readonly [string, string])[] = [
  ['push_announcement', 'status'],
  ['push_device', 'target'],
  ['push_hop', 'owner'],
  ['push_budget', 'version'],
  ['push_turn', 'opens_at'],
  ['push_delivery', 'verdict'],
  ['push_message', 'owner'],
  ['push_tick', 'ticked_at'],
  ['push_snapshot', 'guarantee'],
  ['push_retry', 'device_id'],
  ['push_audience', 'devices'],
  ['push_audit', 'why'],
  ['push_alert', 'attempts'],
  ['push_watch', 'progress'],
  ['push_tag', 'value'],
  ['push_member', 'attributes'],
  ['push_template', 'title'],
  ['push_check', 'ok'],
  ['push_notice', 'content'],
  ['push_signal', 'value'],
  ['push_canary', 'verdict'],
  ['push_receipt', 'received_at'],
  ['push_receipt_count', 'receipts'],
];

/** Tests each privilege with a statement that needs it and affects no row. */
export async function checkPrivileges(driver: Driver): Promise<Finding> {
  const refusals: string[] = [];
  for (const [table, column] of TABLES) {
    const probes = {
      SELECT: `SELECT ${column} FROM ${table} WHERE 1 = 0`,
      INSERT: `INSERT INTO ${table} SELECT * FROM ${table} WHERE 1 = 0`,
      UPDATE: `UPDATE ${table} SET ${column} = ${column} WHERE 1 = 0`,
      DELETE: `DELETE FROM ${table} WHERE 1 = 0`,
    };
    for (const [privilege, probe] of Object.entries(probes)) {
      await driver.run({ sql: probe, values: [] }).catch((error: unknown) => {
        if (!isRefusal(error)) throw error;
        refusals.push(`${privilege} on ${table}`);
      });
    }
  }
  if (refusals.length === 0) return green(`SELECT, INSERT, UPDATE and DELETE on ${TABLES.length} tables`);
  return red(`not allowed: ${refusals.join(', ')}`, GRANT);
}

function isRefusal(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === 'ER_TABLEACCESS_DENIED_ERROR' ||
    code === 'ER_COLUMNACCESS_DENIED_ERROR' ||
    // A view that is not updatable or insertable.
    code === 'ER_NON_UPDATABLE_TABLE' ||
    code === 'ER_NON_INSERTABLE_TABLE' ||
    // The server is a replica, or read-only.
    code === 'ER_OPTION_PREVENTS_STATEMENT' ||
    /readonly database/.test(messageOf(error))
  );
}
