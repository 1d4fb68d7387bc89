import { parseDatabaseConfig } from '../config.ts';
import { migrate } from '../db/migrate.ts';
import type { Command } from './command.ts';

export const migrateCommand: Command = {
  summary: 'Make or update the tables in the database that DATABASE_URL names. Safe to run twice.',
  options: {},
  async run(_args, { env, out }) {
    const applied = await migrate(parseDatabaseConfig(env));
    out(applied.length === 0 ? 'nothing to do\n' : applied.map((name) => `applied ${name}\n`).join(''));
    return 0;
  },
};
