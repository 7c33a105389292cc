import { mutations as bar } from './bar.ts';
import { mutations as basePath } from './base-path.ts';
import { mutations as catalog } from './catalog.ts';
import { mutations as colors } from './colors.ts';
import { mutations as data } from './data.ts';
import { mutations as editing } from './editing.ts';
import { mutations as files } from './files.ts';
import { mutations as metrics } from './metrics.ts';
import type { Mutation } from './mutation.ts';
import { mutations as overload } from './overload.ts';
import { mutations as product } from './product.ts';
import { mutations as records } from './records.ts';
import { mutations as redisForms } from './redis-forms.ts';
import { mutations as remote } from './remote.ts';
import { mutations as search } from './search.ts';
import { mutations as setup } from './setup.ts';
import { mutations as setupForm } from './setup-form.ts';
import { mutations as speed } from './speed.ts';
import { mutations as stability } from './stability.ts';
import { mutations as stopping } from './stopping.ts';
import { mutations as visitors } from './visitors.ts';
import { mutations as wall } from './wall.ts';

export const mutations: readonly Mutation[] = [
  ...product,
  ...records,
  ...speed,
  ...stability,
  ...stopping,
  ...overload,
  ...visitors,
  ...data,
  ...remote,
  ...files,
  ...bar,
  ...colors,
  ...editing,
  ...setup,
  ...catalog,
  ...search,
  ...setupForm,
  ...redisForms,
  ...wall,
  ...metrics,
  ...basePath,
];
