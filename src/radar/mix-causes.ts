import type { Verdict } from '../model/delivery.ts';

/** Verdicts whose share is watched. */
export const MIX_VERDICTS = ['unregistered', 'rejected', 'unknown'] as const satisfies readonly Verdict[];
export type MixVerdict = (typeof MIX_VERDICTS)[number];

/** What usually makes the share of a verdict jump, and what to do. */
export function causesOf(verdict: MixVerdict): { readonly causes: string; readonly remedy: string } {
  switch (verdict) {
    case 'unregistered':
      return {
        causes:
          'apps that went from tokens to FIDs and registered no new target, an app update that lost its Firebase project, ' +
          'or an old table of devices that was restored',
        remedy:
          'send to test devices of the newest app, look whether new devices still register, and read docs/devices.md before ' +
          'unregistered devices are deleted',
      };
    case 'rejected':
      return {
        causes:
          "targets of another Firebase project (the app's or the credentials' project has changed), targets that were cut or " +
          'mixed up on the way into the table, or a payload that FCM does not take',
        remedy: "check that the app and the source's credentials belong to the same Firebase project",
      };
    case 'unknown':
      return {
        causes:
          'answers that arrived late or not at all: FCM was slow, or the network or its NAT was overloaded',
        remedy:
          'compare the answer times in the report with FCM_TIMEOUT_MS and look at https://status.firebase.google.com/',
      };
  }
}
