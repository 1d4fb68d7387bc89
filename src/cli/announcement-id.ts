import { showNumber } from '../show.ts';
import { refuse } from './options.ts';

/** `ANNOUNCEMENT_ID` is the operand of the commands that work on one announcement. */
export const ANNOUNCEMENT_ID = { usage: 'ID', help: "one announcement's id" };

export function parseAnnouncementId(operands: readonly string[]): number {
  const [text = ''] = operands;
  if (operands.length === 1 && /^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw refuse('ID', ANNOUNCEMENT_ID.help, describeOperands(operands));
}

/** `describeOperands` is what an error shows of operands that do not fit. */
export function describeOperands(operands: readonly string[]): string {
  if (operands.length > 1) return `${operands.length} words`;
  return operands.length === 0 ? 'nothing' : showNumber(operands[0]);
}
