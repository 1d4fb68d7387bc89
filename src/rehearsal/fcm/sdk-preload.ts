import { redirectSdk } from './sdk-redirect.ts';

// For `node --import`, in workers that run with FCM_TRANSPORT=sdk against a sandbox.
redirectSdk(process.env['FCM_ENDPOINT'] ?? '');
