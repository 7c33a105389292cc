// Starts an entry: `node src/start.mjs main`. Written in JavaScript that old versions of Node can parse, because a machine may have only
// such a version until `npm ci` has installed the right one. If something is missing, a message says what.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 26;
const entries = {
  main: './main.ts',
  doctor: './doctor.ts',
  demo: '../dev/demo.ts',
  watch: '../dev/watch.ts',
};
const root = fileURLToPath(new URL('..', import.meta.url));
const entry = entries[process.argv[2]];

const missing = findMissing();
if (missing) {
  exit(missing);
} else {
  import(entry).catch((error) => exit(describe(error)));
}

function findMissing() {
  // safeguard: report-missing-npm-ci
  if (!existsSync(join(root, 'node_modules'))) {
    return 'Turntable’s packages are not installed yet. First run this in Turntable’s folder:\n\n  npm ci\n';
  }
  if (Number(process.versions.node.split('.')[0]) >= neededMajor) return null;
  return (
    `Turntable needs Node ${neededMajor}, and this is ${process.versions.node}. npm ci installs the right one for npm’s commands:\n\n` +
    '  npm ci --include=optional --ignore-scripts=false\n'
  );
}

function describe(error) {
  // safeguard: report-missing-packages
  if (error.code === 'ERR_MODULE_NOT_FOUND') {
    return `Some of Turntable’s packages are missing. First run this in Turntable’s folder:\n\n  npm ci\n\n(${error.message})`;
  }
  // The message may contain data, so only the code and the place are printed.
  const place = /(src|dev|simulator)\/[\w./-]+:\d+/.exec(error.stack || '');
  // safeguard: hide-unforeseen-error-messages
  return `Turntable couldn’t start: ${error.code || error.name}${place ? ` at ${place[0]}` : ''}. This is a bug in Turntable; please report it.`;
}

function exit(message) {
  console.error(message);
  process.exit(1);
}
