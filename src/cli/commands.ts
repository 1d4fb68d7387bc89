import type { Command } from './command.ts';

/**
 * `CommandEntry` is one line of `baton --help`. `load` imports the command's own file only when it is used: many import
 * firebase-admin.
 */
export interface CommandEntry {
  readonly name: string;
  readonly group: 'Try' | 'Set up' | 'Send' | 'Look' | 'Operate';
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** `COMMANDS` are all commands, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'rehearse',
    group: 'Try',
    summary: 'broadcast to made-up devices through a sandbox of FCM, and check every one',
    load: async () => (await import('./rehearse.ts')).rehearseCommand,
  },
  {
    name: 'local',
    group: 'Try',
    summary: 'keep a local Lambda and the FCM sandbox running, for the `aws` command',
    load: async () => (await import('./local.ts')).localCommand,
  },
  {
    name: 'init',
    group: 'Set up',
    summary: 'ask six questions and write .env, create the tables, import devices',
    load: async () => (await import('./init.ts')).initCommand,
  },
  {
    name: 'migrate',
    group: 'Set up',
    summary: 'create or update the tables in the database',
    load: async () => (await import('./migrate.ts')).migrateCommand,
  },
  {
    name: 'import',
    group: 'Set up',
    summary: 'add devices from a CSV file',
    load: async () => (await import('./import.ts')).importCommand,
  },
  {
    name: 'doctor',
    group: 'Set up',
    summary: 'check that everything is set up correctly, and say what to do if not',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
  {
    name: 'radar',
    group: 'Set up',
    summary: 'look for what is about to be retired: FCM, Node, the database, keys',
    load: async () => (await import('./radar.ts')).radarCommand,
  },
  {
    name: 'canary',
    group: 'Set up',
    summary: "send silent pushes to the team's own phones, and see which of them answer",
    load: async () => (await import('./canary.ts')).canaryCommand,
  },
  {
    name: 'push',
    group: 'Send',
    summary: 'broadcast to every device, now or at a time',
    load: async () => (await import('./push.ts')).pushCommand,
  },
  {
    name: 'preview',
    group: 'Look',
    summary: 'show the message of an announcement, by locale or as a device gets it',
    load: async () => (await import('./preview.ts')).previewCommand,
  },
  {
    name: 'lint',
    group: 'Look',
    summary: "write every device's message of an announcement, and list what is wrong",
    load: async () => (await import('./lint.ts')).lintCommand,
  },
  {
    name: 'audience',
    group: 'Look',
    summary: 'count the devices of an audience, by platform and locale',
    load: async () => (await import('./audience.ts')).audienceCommand,
  },
  {
    name: 'plan',
    group: 'Look',
    summary: 'say what an announcement will take before it starts',
    load: async () => (await import('./plan.ts')).planCommand,
  },
  {
    name: 'list',
    group: 'Look',
    summary: 'list announcements, latest first',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    name: 'status',
    group: 'Look',
    summary: 'show or watch how far an announcement is, and what it waits for',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  {
    name: 'explain',
    group: 'Look',
    summary: 'say what holds an announcement up and what to do, or what a device was sent',
    load: async () => (await import('./explain.ts')).explainCommand,
  },
  {
    name: 'report',
    group: 'Look',
    summary: 'write the report page of an announcement: one HTML file',
    load: async () => (await import('./report.ts')).reportCommand,
  },
  {
    name: 'export',
    group: 'Look',
    summary: 'print the deliveries of an announcement as CSV',
    load: async () => (await import('./export.ts')).exportCommand,
  },
  {
    name: 'audit',
    group: 'Look',
    summary: 'show who changed an announcement, when and why',
    load: async () => (await import('./audit.ts')).auditCommand,
  },
  {
    name: 'devices',
    group: 'Look',
    summary: 'count the devices; restore those found unregistered by mistake',
    load: async () => (await import('./devices.ts')).devicesCommand,
  },
  {
    name: 'pause',
    group: 'Operate',
    summary: 'stop a running announcement',
    load: async () => (await import('./moves.ts')).pauseCommand,
  },
  {
    name: 'resume',
    group: 'Operate',
    summary: 'continue a paused or failed announcement',
    load: async () => (await import('./moves.ts')).resumeCommand,
  },
  {
    name: 'approve',
    group: 'Operate',
    summary: 'approve an announcement of another person',
    load: async () => (await import('./approve.ts')).approveCommand,
  },
  {
    name: 'cancel',
    group: 'Operate',
    summary: 'end an announcement permanently',
    load: async () => (await import('./moves.ts')).cancelCommand,
  },
  {
    name: 'prune',
    group: 'Operate',
    summary: 'delete the deliveries of announcements that ended long ago',
    load: async () => (await import('./prune.ts')).pruneCommand,
  },
  {
    name: 'scan',
    group: 'Operate',
    summary: 'run the schedule once: start what is due, wake what has stalled',
    load: async () => (await import('./scan.ts')).scanCommand,
  },
  {
    name: 'serve',
    group: 'Operate',
    summary: 'serve the HTTP API and run the schedule, until Ctrl-C',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
];
