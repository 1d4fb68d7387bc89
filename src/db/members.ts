import { parseJson } from '../json.ts';
import { type Attributes, attributesSchema } from '../model/member.ts';
import { parseWith } from '../parse.ts';
import { PushError } from '../errors.ts';
import type { Members } from '../store/members.ts';
import { fit, fits } from './columns.ts';
import { type Driver, hasEffect, type Row } from './driver.ts';
import { literalBytesOf } from './literals.ts';
import { readOr, readText } from './rows.ts';
import { chunksOf, sql } from './sql.ts';

/** The statements of push_member. */
export function makeMembers(driver: Driver): Members {
  const { onConflict, incoming, isSameText, maxBytes } = driver.dialect;

  return {
    async fetchMembers(memberIds) {
      const known = new Map<string, Attributes>();
      const ids = [...new Set(memberIds)].filter((memberId) => fits('member_id', memberId));
      for (const chunk of chunksOf(ids, literalBytesOf, maxBytes())) {
        const rows = await driver.all(
          sql`SELECT member_id, attributes FROM push_member WHERE member_id IN (${chunk})`,
        );
        for (const row of rows) {
          const attributes = readOr([], () => parseAttributes(row), null);
          if (attributes !== null) known.set(readText(row, 'member_id'), attributes);
        }
      }
      return known;
    },

    async fetchMember(memberId) {
      if (!fits('member_id', memberId)) return null;
      const [row] = await driver.all(
        sql`SELECT attributes FROM push_member WHERE ${isSameText(sql`member_id`, sql`${memberId}`)}`,
      );
      if (!row) return null;
      const problems: string[] = [];
      const attributes = readOr(problems, () => parseAttributes(row), {});
      return { attributes, problem: problems[0] ?? null };
    },

    async setMember(memberId, attributes) {
      fitMember(memberId);
      const json = JSON.stringify(parseWith(attributesSchema, attributes, 'BAD_INPUT'));
      await driver.run(
        sql`INSERT INTO push_member (member_id, attributes) VALUES (${memberId}, ${json})
            ${onConflict(sql`member_id`)} attributes = ${incoming(sql`attributes`)}`,
      );
    },

    async removeMember(memberId) {
      if (!fits('member_id', memberId)) return false;
      return hasEffect(
        driver,
        sql`DELETE FROM push_member WHERE ${isSameText(sql`member_id`, sql`${memberId}`)}`,
      );
    },
  };
}

/** MySQL's keys ignore blanks at the end of a text: the attributes of another member would be lost. */
function fitMember(memberId: string): void {
  fit('member_id', memberId);
  if (memberId !== '' && !memberId.endsWith(' ')) return;
  const got = memberId === '' ? 'none' : 'one at the end';
  const expected = memberId === '' ? '1 to 64 characters' : 'no blank at the end';
  throw PushError.of('BAD_INPUT', [{ field: 'member_id', expected, got }]);
}

/** The column may be of the type JSON in a team's own table: its value is not text then. */
function parseAttributes(row: Row): Attributes {
  const value = row['attributes'];
  const attributes = typeof value === 'string' ? parseJson(value, 'attributes', 'DATABASE') : value;
  return parseWith(attributesSchema, attributes, 'DATABASE');
}
