import type { TestEvent } from 'node:test/reporters';

/** One line for each test: how it came out, how long it took in milliseconds, its title. */
export default async function* lines(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type === 'test:pass') yield `passed ${Math.ceil(data.details.duration_ms)} ${data.name}\n`;
    if (type !== 'test:fail') continue;
    const { duration_ms, error } = data.details;
    const { failureType = '' } = error as { failureType?: string };
    // A suite fails with its tests, and tests that never began are cancelled with the one that did not end.
    if (failureType === 'subtestsFailed' || failureType === 'cancelledByParent') continue;
    const outcome = failureType === 'testTimeoutFailure' ? 'hung' : 'failed';
    yield `${outcome} ${Math.ceil(duration_ms)} ${data.name}\n`;
  }
}
