/**
 * Which version of the Web API is served: `2026-02` as new apps in Development Mode get it, `legacy` as it was in 2025, or `both`, the
 * names and fields of the two together, as apps with extended quota get it.
 */
export type ApiVersion = (typeof apiVersions)[number];

export const apiVersions = ['2026-02', 'both', 'legacy'] as const;

/** Names of the versions before 0.2.0; still accepted in SIMULATOR_DIALECT. */
const formerNames: Readonly<Record<string, ApiVersion>> = {
  development: '2026-02',
  extended: 'both',
  old: 'legacy',
};

/** SIMULATOR_API_VERSION names no version. */
export class UnknownApiVersion extends Error {
  override readonly name = 'UnknownApiVersion';
}

/**
 * Returns the version to start with, from SIMULATOR_API_VERSION or its former name SIMULATOR_DIALECT; `2026-02` if neither is set.
 * `warn` is called with a sentence if a former name is used. Throws {@link UnknownApiVersion}.
 */
export function readApiVersion(
  env: Readonly<Record<string, string | undefined>>,
  warn: (sentence: string) => void,
): ApiVersion {
  const set = env.SIMULATOR_API_VERSION?.trim();
  const name = set || env.SIMULATOR_DIALECT?.trim() || '2026-02';
  const apiVersion = formerNames[name] ?? apiVersions.find((one) => one === name);
  if (!apiVersion)
    throw new UnknownApiVersion(`SIMULATOR_API_VERSION must be one of ${apiVersions.join(', ')}.`);
  if (name in formerNames || (!set && env.SIMULATOR_DIALECT?.trim()))
    warn(`Set SIMULATOR_API_VERSION=${apiVersion} instead: the former name stops working in 0.3.0.`);
  return apiVersion;
}
