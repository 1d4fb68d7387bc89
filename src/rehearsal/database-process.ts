import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const SERVER_NAMES = new Set(['mariadbd', 'mysqld']);
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const MYSQL_PORT = 3306;

/** State of a listening socket in /proc/net/tcp, and the hundredths of a second in which /proc counts CPU time (proc(5)). */
const LISTENS = '0A';
const TICKS_PER_SECOND = 100;

/**
 * `findDatabaseProcess` is the id of the process that serves a MySQL address on this machine; null if it is on another one,
 * or cannot be seen: in a container, of another user, or on a system without /proc.
 */
export function findDatabaseProcess(databaseUrl: string): number | null {
  const url = databaseUrl.includes('://') ? URL.parse(databaseUrl) : null;
  if (url === null || !LOOPBACK.test(url.hostname)) return null;
  try {
    const sockets = findListeners(url.port === '' ? MYSQL_PORT : Number(url.port));
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isServer(name));
    const pid = pids.find((each) => hasSocket(each, sockets));
    return pid === undefined ? null : Number(pid);
  } catch {
    return null;
  }
}

/** `readCpuSeconds` is the CPU time of a process so far; null if it has ended. */
export function readCpuSeconds(pid: number): number | null {
  try {
    // The name of the process, in parentheses, may hold blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

/** The sockets that listen on a port, as links in /proc/PID/fd name them. */
function findListeners(port: number): Set<string> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => {
    try {
      return readFileSync(file, 'utf8').split('\n');
    } catch {
      // A machine without IPv6 has no second file.
      return [];
    }
  });
  const rows = lines.map((line) => line.trim().split(/\s+/));
  const listening = rows.filter(([, address = '', , state]) => address.endsWith(local) && state === LISTENS);
  return new Set(listening.map((row) => `socket:[${row[9]}]`));
}

/** A process may end while it is looked at. */
function isServer(pid: string): boolean {
  try {
    return SERVER_NAMES.has(readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  } catch {
    return false;
  }
}

function hasSocket(pid: string, sockets: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => {
      try {
        return sockets.has(readlinkSync(`${folder}/${fd}`));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
