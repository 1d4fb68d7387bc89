import { systemClock } from '../clock.ts';
import { parseDatabaseConfig } from '../config/config.ts';
import { migrateDatabase } from '../db/open.ts';
import { defineCommand } from './command.ts';

export const migrateCommand = defineCommand({
  description: 'Create or update the tables in the database that DATABASE_URL names. Safe to run twice.',
  options: {},
  async run(_, { env, out }) {
    const applied = await migrateDatabase(parseDatabaseConfig(env), systemClock);
    out(applied.length === 0 ? 'nothing to do\n' : applied.map((name) => `applied ${name}\n`).join(''));
    return 0;
  },
});
