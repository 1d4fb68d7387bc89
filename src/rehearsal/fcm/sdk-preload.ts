import { redirectSdk } from './sdk-redirect.ts';

// Loaded with `node --import` in workers that use FCM_TRANSPORT=sdk with a sandbox.
redirectSdk(process.env['FCM_ENDPOINT'] ?? '');
