import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseAllDocuments, parseDocument } from 'yaml';
import { readConfig } from '../src/config.ts';
import { healthPaths } from '../src/ops/health.ts';
import { findOnPath } from '../src/redis/local-server.ts';
import { version } from '../src/settings/version.ts';
import { root } from './support/process.ts';

/*
 * The files in deploy/, as far as they can be checked without a cluster, and the workflows, as far as they can without GitHub.
 * test/fleet/nginx.test.ts runs the configuration of nginx.
 */

const unit = readFileSync(join(root, 'deploy/turntable@.service'), 'utf8');
const manifests = parseAllDocuments(readFileSync(join(root, 'deploy/kubernetes.yml'), 'utf8'), {
  // As Kubernetes reads it: modes of files are octal.
  version: '1.1',
});
const docs = readFileSync(join(root, 'docs/deploy.md'), 'utf8');
const settings = [...readFileSync(join(root, '.env.example'), 'utf8').matchAll(/^#?([A-Z_]+)=/gm)].map(
  ([, name = '']) => name,
);
/** More than the ten seconds in which a server stops. */
const stopSeconds = 12;
const secrets = {
  spotify_client_secret: 'a client secret',
  session_secret: 'a session secret of more than 32 characters',
  redis_url: 'redis://redis.example:6379',
};

type Labels = Record<string, string>;
type Probe = { httpGet: { path: string; port: string } };
type Deployment = {
  spec: {
    replicas: number;
    strategy: { rollingUpdate: { maxUnavailable: number } };
    selector: { matchLabels: Labels };
    template: { metadata: { labels: Labels }; spec: PodSpec };
  };
};
type PodSpec = {
  terminationGracePeriodSeconds: number;
  securityContext: Record<string, unknown>;
  containers: [Container];
  volumes: { name: string; secret: { secretName: string; defaultMode: number } }[];
};
type Container = {
  image: string;
  ports: { name: string; containerPort: number }[];
  envFrom: { configMapRef: { name: string } }[];
  env: { name: string; value: string }[];
  volumeMounts: { name: string; mountPath: string; readOnly: boolean }[];
  lifecycle: { preStop: { exec: { command: string[] } } };
  securityContext: Record<string, unknown>;
} & Record<'startupProbe' | 'livenessProbe' | 'readinessProbe', Probe>;

/** The manifest of this kind; there is one of each. */
function manifest<T>(kind: string): T {
  const found = manifests.map((one) => one.toJS()).filter((one) => one.kind === kind);
  assert.equal(found.length, 1, kind);
  return found[0] as T;
}

const deployment = () => manifest<Deployment>('Deployment').spec;

/** Writes the secrets to files, and returns what is found under a path that ends in the name of one. */
function secretFiles(t: TestContext): (path: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-secrets-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, value] of Object.entries(secrets)) writeFileSync(join(folder, name), value);
  return (path) => join(folder, basename(path));
}

/** Reads the configuration of a server that is started with these variables. */
function configWith(t: TestContext, variables: Record<string, string>) {
  const pathOf = secretFiles(t);
  for (const name of Object.keys(variables))
    assert.ok([...settings, 'NODE_ENV'].includes(name), `${name} is a setting`);
  const config = readConfig(
    Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [
        name,
        name.endsWith('_FILE') ? pathOf(value) : value,
      ]),
    ),
  );
  assert.equal(config.spotify?.clientSecret, secrets.spotify_client_secret);
  assert.deepEqual(config.secrets, [secrets.session_secret]);
  assert.match(config.redisUrl, /redis\.example/);
  return config;
}

test('the Kubernetes manifests are valid YAML without duplicates', () => {
  for (const one of manifests) assert.deepEqual([...one.errors, ...one.warnings], []);
  assert.equal(manifests.length, 5);
});

test('the Kubernetes Deployment starts servers with a configuration that they accept', (t) => {
  const { data } = manifest<{ data: Record<string, string> }>('ConfigMap');
  const { containers, volumes } = deployment().template.spec;
  const [{ env, envFrom, ports, volumeMounts }] = containers;
  assert.deepEqual(envFrom, [{ configMapRef: { name: 'turntable' } }]);

  const config = configWith(t, {
    // From the Dockerfile.
    NODE_ENV: 'production',
    ...data,
    ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
  });

  assert.equal(config.host, '0.0.0.0');
  assert.deepEqual(ports, [{ name: 'http', containerPort: config.port }]);
  const [mount] = volumeMounts;
  for (const { name, value } of env)
    if (name.endsWith('_FILE')) assert.ok(value.startsWith(`${mount?.mountPath}/`), name);
  assert.deepEqual(volumes, [{ name: mount?.name, secret: { secretName: 'turntable', defaultMode: 0o440 } }]);
  for (const name of Object.keys(secrets)) assert.match(docs, new RegExp(`--from-\\w+=${name}=`));
});

test('Kubernetes probes a server where it answers, gives it time to stop, and never runs fewer than two', () => {
  const { replicas, strategy, template } = deployment();
  const { containers, securityContext, terminationGracePeriodSeconds } = template.spec;
  const [container] = containers;
  const { spec: budget } = manifest<{ spec: { minAvailable: number } }>('PodDisruptionBudget');
  const [healthz, readyz] = healthPaths;

  assert.deepEqual(container.startupProbe.httpGet, { path: healthz, port: 'http' });
  assert.deepEqual(container.livenessProbe.httpGet, { path: healthz, port: 'http' });
  assert.deepEqual(container.readinessProbe.httpGet, { path: readyz, port: 'http' });
  const [program, seconds] = container.lifecycle.preStop.exec.command;
  assert.equal(program, 'sleep');
  assert.ok(Number(seconds) + stopSeconds <= terminationGracePeriodSeconds);
  assert.deepEqual([replicas, strategy.rollingUpdate.maxUnavailable, budget.minAvailable], [3, 0, 2]);
  assert.deepEqual([securityContext.runAsNonRoot, securityContext.runAsUser], [true, 1_000]);
  assert.deepEqual(
    [container.securityContext.readOnlyRootFilesystem, container.securityContext.allowPrivilegeEscalation],
    [true, false],
  );
});

test('requests find their way from the Ingress to the servers, and streams aren’t buffered', () => {
  const { labels } = deployment().template.metadata;
  const { data } = manifest<{ data: Record<string, string> }>('ConfigMap');
  const service = manifest<{
    metadata: { name: string };
    spec: { selector: Labels; ports: { name: string; targetPort: string }[] };
  }>('Service');
  const ingress = manifest<{
    metadata: { annotations: Labels };
    spec: { tls: { hosts: string[] }[]; rules: { host: string; http: { paths: object[] } }[] };
  }>('Ingress');
  const budget = manifest<{ spec: { selector: { matchLabels: Labels } } }>('PodDisruptionBudget');

  assert.deepEqual(deployment().selector.matchLabels, labels);
  assert.deepEqual(budget.spec.selector.matchLabels, labels);
  assert.deepEqual(service.spec.selector, labels);
  assert.deepEqual(
    service.spec.ports.map(({ targetPort }) => targetPort),
    deployment().template.spec.containers[0].ports.map(({ name }) => name),
  );
  const [rule] = ingress.spec.rules;
  const [{ name: portName } = { name: '' }] = service.spec.ports;
  assert.deepEqual(rule?.http.paths, [
    {
      path: '/',
      pathType: 'Prefix',
      backend: { service: { name: service.metadata.name, port: { name: portName } } },
    },
  ]);
  assert.equal(`https://${rule?.host}`, data.BASE_URL);
  assert.deepEqual(ingress.spec.tls[0]?.hosts, [rule?.host]);
  assert.equal(ingress.metadata.annotations['nginx.ingress.kubernetes.io/proxy-buffering'], 'off');
});

test('while there are unreleased changes, the version isn’t that of a release, and manifests name the next one', () => {
  const [[, heading = ''] = [], [, lastRelease = ''] = []] = [
    ...readFileSync(join(root, 'CHANGELOG.md'), 'utf8').matchAll(/^## (\S+)/gm),
  ];
  const [next, state] = version.split('-');
  if (heading === 'Unreleased') assert.notEqual(next, lastRelease);
  assert.equal(state, heading === 'Unreleased' ? 'dev' : undefined);

  const [{ image }] = deployment().template.spec.containers;
  assert.equal(image, `registry.example.com/turntable:${next}`);
  assert.ok(docs.includes(`docker build -t ${image} .`));
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  assert.deepEqual([lock.version, lock.packages[''].version], [version, version]);
});

test('the systemd unit starts a server with a configuration that it accepts, and gives it time to stop', (t) => {
  const values = (name: string) =>
    [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
  const variables = values('Environment').map((line) => line.split('=', 2) as [string, string]);

  const [start = ''] = values('ExecStart');
  const [, ownVariables = '', command = ''] = /^(\/usr\/bin\/env (?:\w+=\S+ )+)(.*)$/.exec(start) ?? [];
  // Variables from EnvironmentFile override those from Environment, whatever their order.
  const shared = { SPOTIFY_CLIENT_ID: 'an id', PORT: '3000', NODE_ENV: 'development', METRICS_PORT: '9464' };
  const ofOne = { METRICS_PORT: '9465' };
  assert.deepEqual(values('EnvironmentFile'), ['/etc/turntable/settings', '-/etc/turntable/settings.%i']);
  const [env = '', ...args] = `${ownVariables.replace('%i', '3001')}env`.split(' ');
  const { stdout } = spawnSync(env, args, { encoding: 'utf8', env: { ...shared, ...ofOne } });
  const started = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=', 2) as [string, string]);

  const config = configWith(t, Object.fromEntries([...variables, ...started]));

  assert.equal(config.port, 3_001);
  assert.equal(config.metricsPort, 9_465);
  assert.ok(config.isProduction);
  for (const [name, value] of variables)
    if (name.endsWith('_FILE'))
      assert.ok(
        values('LoadCredential').some((line) => line.startsWith(`${value.replace('%d/', '')}:`)),
        name,
      );
  assert.ok(Number(values('TimeoutStopSec')[0]) >= stopSeconds);
  // As npm start does.
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [flag = ''] = /--max-semi-space-size=\d+/.exec(scripts.start) ?? [];
  assert.equal(command, `/opt/turntable/node_modules/.bin/node ${flag} src/main.ts`);
});

type Step = { uses?: string; if?: string; with?: Record<string, unknown> };
type Workflow = {
  permissions: Record<string, string>;
  jobs: Record<string, { if?: string; permissions?: Record<string, string>; steps: Step[] }>;
};
const workflowFolder = join(root, '.github/workflows');
const workflows = readdirSync(workflowFolder).map((name) => {
  const text = readFileSync(join(workflowFolder, name), 'utf8');
  return { name, text, document: parseDocument(text) };
});
const workflow = (name: string): Workflow =>
  workflows.find((one) => one.name === name)?.document.toJS() as Workflow;

test('workflows are valid YAML, may only read unless they say so, and name actions by the commit', () => {
  assert.deepEqual(workflows.map(({ name }) => name).sort(), ['ci.yml', 'image.yml']);
  for (const { name, text, document } of workflows) {
    assert.deepEqual([...document.errors, ...document.warnings], [], name);
    assert.deepEqual(workflow(name).permissions, { contents: 'read' }, name);
    const actions = [...text.matchAll(/uses: (.*)/g)].map(([, action = '']) => action);
    assert.ok(actions.length > 0, name);
    for (const action of actions)
      assert.match(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, name);
  }
});

test('the image is built for both architectures, with labels, a list of its packages and its origin, and published for tags only', () => {
  const { image, trial, ...others } = workflow('image.yml').jobs;
  assert.ok(image && trial);
  assert.deepEqual(others, {});
  const step = ({ steps }: typeof image, action: string) =>
    steps.find(({ uses }) => uses?.startsWith(`docker/${action}@`));
  const { tags, labels, push, ...build } = step(image, 'build-push-action')?.with ?? {};
  const metadata = step(image, 'metadata-action')?.with ?? {};

  assert.deepEqual(build, {
    context: '.',
    target: 'server',
    platforms: 'linux/amd64,linux/arm64',
    sbom: true,
    provenance: 'mode=max',
  });
  assert.equal(push, true);
  assert.ok(step(image, 'login-action'));
  for (const [name, value] of Object.entries({ tags, labels }))
    assert.equal(value, `\${{ steps.metadata.outputs.${name} }}`);
  assert.match(String(metadata.tags), /^type=semver,pattern=\{\{version\}\}$/m);
  assert.match(String(metadata.labels), /^org\.opencontainers\.image\.licenses=MIT$/m);
  assert.deepEqual(image.permissions, { contents: 'read', packages: 'write' });
  // A pull request builds the same and may only read.
  assert.deepEqual(
    [image.if, trial.if],
    ["github.event_name == 'push'", "github.event_name == 'pull_request'"],
  );
  assert.deepEqual(step(trial, 'build-push-action')?.with, build);
  assert.equal(step(trial, 'login-action'), undefined);
  assert.equal(trial.permissions, undefined);
  assert.match(readFileSync(join(root, 'Dockerfile'), 'utf8'), / AS server$/m);
});

const systemdAnalyze = findOnPath(['systemd-analyze'], process.env);

test('systemd finds nothing wrong with the unit', {
  skip: systemdAnalyze ? false : 'systemd-analyze isn’t installed',
}, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-unit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'turntable@3001.service');
  // It looks for the program and the folder.
  writeFileSync(
    file,
    unit
      .replace('/opt/turntable/node_modules/.bin/node', process.execPath)
      .replace('WorkingDirectory=/opt/turntable', `WorkingDirectory=${root}`),
  );

  const { status, stderr } = spawnSync(systemdAnalyze ?? '', ['verify', '--man=no', file], {
    encoding: 'utf8',
  });

  // It also reports on other units of this machine.
  const ours = stderr.split('\n').filter((line) => line.includes('turntable@'));
  assert.deepEqual(ours, []);
  t.diagnostic(`systemd-analyze exited with ${status}`);
});
