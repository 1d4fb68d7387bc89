import { createServer, Server } from 'node:net';
import { expect, test } from 'vitest';
import { listen } from '../../src/local/listen.ts';
import { MARK } from '../support/secret.ts';

test('a free port of this machine is opened', async () => {
  const server = createServer();
  expect(await listen(server, 'localhost', 0)).toMatchObject({ port: expect.any(Number) });
  server.close();
});

test('an address of another machine is one clear error, which names the option', async () => {
  // 192.0.2.0/24 belongs to no machine: RFC 5737.
  await expect(listen(createServer(), '192.0.2.1', 0)).rejects.toThrow(
    '--host: expected an address or a name of this machine, got 192.0.2.1 (EADDRNOTAVAIL)',
  );
});

test('a host that is no address is not shown', async () => {
  const server = new Server();
  // The real one would ask the name servers of the machine that runs the test.
  server.listen = () => {
    const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${MARK}`), { code: 'ENOTFOUND' });
    queueMicrotask(() => server.emit('error', error));
    return server;
  };
  await expect(listen(server, MARK, 0)).rejects.toThrow(
    '--host: expected an address or a name of this machine, got 14 characters (ENOTFOUND)',
  );
});

test('a port that is taken is one clear error, which names the option', async () => {
  const taken = createServer();
  const { port } = await listen(taken, '127.0.0.1', 0);
  await expect(listen(createServer(), '127.0.0.1', port)).rejects.toThrow(
    `--port: expected a port that is free on host 127.0.0.1, got ${port} (EADDRINUSE)`,
  );
  taken.close();
});
