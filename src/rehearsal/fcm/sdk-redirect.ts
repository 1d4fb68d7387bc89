import http2, { type ClientHttp2Session } from 'node:http2';

const FCM_HOST = 'fcm.googleapis.com';

/**
 * `redirectSdk` makes firebase-admin use another endpoint: its host is a constant, and it sends a `:scheme` of "https:",
 * which a strict server refuses (firebase-admin 14.5.1, lib/utils/api-request.js). Returns a function that undoes this.
 */
export function redirectSdk(endpoint: string): () => void {
  const { connect } = http2;
  const scheme = new URL(endpoint).protocol.slice(0, -1);
  http2.connect = (authority: string | URL, ...rest: []) => {
    if (new URL(String(authority)).hostname !== FCM_HOST) return connect(authority, ...rest);
    return withScheme(connect(endpoint, ...rest), scheme);
  };
  return () => {
    http2.connect = connect;
  };
}

function withScheme(session: ClientHttp2Session, scheme: string): ClientHttp2Session {
  const request = session.request.bind(session);
  session.request = (headers: Record<string, string>, ...rest: []) =>
    request({ ...headers, ':scheme': scheme }, ...rest);
  return session;
}
