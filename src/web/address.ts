import { isIPv6 } from 'node:net';
import type { Request } from 'express';

/**
 * The address under which a request is counted. For IPv6, only the first 64 bits, because a single household has at least that many
 * addresses to choose from (RFC 6177).
 */
export function addressOf(req: Request): string {
  const address = req.ip ?? 'unknown';
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return mapped;

  const [left = '', right] = address.split('%')[0]?.split('::') ?? [];
  const groups = left === '' ? [] : left.split(':');
  const groupsAfterGap = right ? right.split(':').length : 0;
  const filled =
    right === undefined ? groups : [...groups, ...Array(8 - groups.length - groupsAfterGap).fill('0')];
  return (
    [...filled, ...(right ? right.split(':') : [])]
      // safeguard: ipv6-prefix
      .slice(0, 4)
      .map((one) => Number.parseInt(one, 16).toString(16))
      .join(':')
  );
}
