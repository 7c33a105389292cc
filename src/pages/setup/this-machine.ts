import { BlockList, isIP } from 'node:net';
import type { Request } from 'express';
import type { Config } from '../../config.ts';

/*
 * The setup page takes a client secret only if no one else can have sent it: docs/decisions/2026-11-29-setup-form.md explains each condition.
 */

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * Whether the settings let the setup page take credentials. `setByEnvironment`: the names of those that the environment sets, even as
 * empty. They would still be in effect after a restart, because the environment takes precedence over `.env`.
 */
export function mayTakeCredentials(config: Config, setByEnvironment: readonly string[]): boolean {
  const { protocol, hostname } = new URL(config.baseUrl);
  // safeguard: no-setup-form-in-production
  if (config.isProduction) return false;
  // safeguard: setup-form-only-without-credentials
  if (config.missing.length < 2) return false;
  // safeguard: setup-form-over-http
  if (protocol !== 'http:') return false;
  // safeguard: setup-form-on-loopback
  if (!isLoopback(hostname.replace(/^\[|\]$/g, ''))) return false;
  // safeguard: no-setup-form-behind-proxy
  if (config.trustProxy !== false) return false;
  // safeguard: no-setup-form-if-environment-wins
  return setByEnvironment.length === 0;
}

/** Whether a request comes directly from a browser on this machine that has the site open at BASE_URL. */
export function isFromThisMachine(req: Request, baseUrl: string): boolean {
  // safeguard: setup-form-for-loopback-peers
  if (!isLoopback(req.socket.remoteAddress ?? '')) return false;
  // A page of another site whose name leads to this machine has that name as its Host.
  // safeguard: setup-form-at-base-url
  if (req.headers.host !== new URL(baseUrl).host) return false;
  // safeguard: setup-form-without-proxy-headers
  return !Object.keys(req.headers).some((name) => /^(forwarded|via|x-forwarded-.*)$/.test(name));
}

function isLoopback(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && loopback.check(address, version === 4 ? 'ipv4' : 'ipv6');
}
