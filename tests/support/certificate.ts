import { generate } from 'selfsigned';

/** Makes a key and a self-signed certificate for 127.0.0.1 and localhost, both PEM. */
export function makeCertificate(): Promise<{ private: string; cert: string }> {
  return generate([{ name: 'commonName', value: '127.0.0.1' }], {
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: '127.0.0.1' },
          { type: 2, value: 'localhost' },
        ],
      },
    ],
  });
}
