import { once } from 'node:events';
import { type AddressInfo, isIP, type Server } from 'node:net';
import { codeOf, PushError } from '../errors.ts';
import { show } from '../show.ts';

/** Errors of `listen` that are the port's fault; all others are the host's. */
const ABOUT_PORT: readonly unknown[] = ['EADDRINUSE', 'EACCES', 'ERR_SOCKET_BAD_PORT'];

/**
 * `listen` opens a server's port; 0: any free port. PushError('BAD_INPUT') names the option at fault. A host is shown only if
 * it is an address, because any other text may be something that was meant for another option.
 */
export async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const code = codeOf(cause) ?? 'failed';
    const name = isIP(host) > 0 || host === 'localhost' ? host : show(host);
    const problem = ABOUT_PORT.includes(code)
      ? { field: '--port', expected: `a port that is free on host ${name}`, got: `${port} (${code})` }
      : { field: '--host', expected: 'an address or a name of this machine', got: `${name} (${code})` };
    throw PushError.of('BAD_INPUT', [problem]);
  }
  return server.address() as AddressInfo;
}
