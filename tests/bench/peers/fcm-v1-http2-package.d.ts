declare module 'fcm-v1-http2' {
  export default class Client {
    constructor(options: {
      serviceAccount: { project_id: string; client_email: string; private_key: string };
      maxConcurrentConnections?: number;
      maxConcurrentStreamsAllowed?: number;
    });
    sendMulticast(
      message: object,
      tokens: { readonly length: number; slice(from: number, to: number): Iterable<string> },
    ): Promise<string[]>;
  }
}
