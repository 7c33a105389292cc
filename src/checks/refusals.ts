/** Why a running site refuses a sign-in, and what to do about it. */
const refusals = {
  'wrong-host': {
    detail: 'the site has another BASE_URL',
    fix: 'Set BASE_URL to this address. If it is, have the proxy pass on Host or X-Forwarded-Host.',
  },
  'outside-base-path': {
    detail: 'the proxy strips the path of BASE_URL from the address',
    fix: 'Have it pass the path on unchanged (nginx: nothing after the port in proxy_pass; Caddy: handle in place of handle_path).',
  },
  'silent-proxy': {
    detail: 'the proxy doesn’t say that it uses https, or isn’t trusted',
    fix: 'Have it send "X-Forwarded-Proto: https", and set TRUST_PROXY.',
  },
  'redis-unavailable': {
    detail: 'the site’s Redis doesn’t answer',
    fix: 'Run npm run doctor on the server.',
  },
};

type Reason = keyof typeof refusals;

/** Returns the reason that a response gives as JSON; an empty text if there is none. */
export function reasonIn(text: string): string {
  return /"reason":"([a-z-]{1,40})"/.exec(text)?.[1] ?? '';
}

/** Returns the refusal with this reason; null for any other reason. */
export function refusalFor(reason: string): { reason: Reason; detail: string; fix: string } | null {
  return isReason(reason) ? { reason, ...refusals[reason] } : null;
}

function isReason(text: string): text is Reason {
  return Object.hasOwn(refusals, text);
}
