import { parseJson } from '../json.ts';
import type { MessageTemplate } from '../model/message-template.ts';
import { localesSchema } from '../model/locales.ts';
import { parseWith } from '../parse.ts';
import type { Templates } from '../store/templates.ts';
import { fit, fits } from './columns.ts';
import { CONTENT_COLUMNS, contentValues, parseContent } from './content.ts';
import { type Driver, hasEffect, type Row } from './driver.ts';
import { literalBytesOf } from './literals.ts';
import { readOptionalWhole, readOr, readText } from './rows.ts';
import { chunksOf, sql } from './sql.ts';

const REPLACED = ['title', 'body', 'image', 'data', 'options', 'ttl_seconds', 'locales'] as const;

/** The statements of push_template. */
export function makeTemplates(driver: Driver): Templates {
  const { onConflict, incoming, isSameText, maxBytes } = driver.dialect;

  return {
    async fetchTemplates(names) {
      const known = [...new Set(names)].filter((name) => fits('template', name));
      const found = new Map<string, MessageTemplate | { readonly problem: string }>();
      for (const chunk of chunksOf(known, literalBytesOf, maxBytes())) {
        const rows = await driver.all(
          sql`SELECT name, ${CONTENT_COLUMNS}, locales FROM push_template WHERE name IN (${chunk})`,
        );
        for (const row of rows) {
          const problems: string[] = [];
          const template = readOr(problems, () => parseTemplate(row), null);
          found.set(readText(row, 'name'), template ?? { problem: problems.join('; ') });
        }
      }
      return found;
    },

    async setTemplate(name, template) {
      fit('template', name);
      const locales = template.locales === null ? null : JSON.stringify(template.locales);
      const assignments = REPLACED.map((column) => {
        const each = { sql: column, values: [] };
        return sql`${each} = ${incoming(each)}`;
      });
      await driver.run(
        sql`INSERT INTO push_template (name, ${CONTENT_COLUMNS}, locales)
            VALUES (${name}, ${contentValues(template)}, ${locales})
            ${onConflict(sql`name`)} ${assignments}`,
      );
    },

    async removeTemplate(name) {
      if (!fits('template', name)) return false;
      return hasEffect(driver, sql`DELETE FROM push_template WHERE ${isSameText(sql`name`, sql`${name}`)}`);
    },
  };
}

/** `parseTemplate` reads a row as back ends write it by SQL. */
function parseTemplate(row: Row): MessageTemplate {
  const { locales } = row;
  const json = typeof locales === 'string' ? parseJson(locales, 'locales', 'DATABASE') : locales;
  return {
    content: parseContent(row),
    ttlSeconds: readOptionalWhole(row, 'ttl_seconds'),
    locales: json === null ? null : parseWith(localesSchema, json, 'DATABASE'),
  };
}
