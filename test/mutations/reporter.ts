import type { TestEvent } from 'node:test/reporters';

/** Prints one line for each test: its result, its duration in milliseconds, its title. */
export default async function* lines(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type === 'test:pass') yield `passed ${Math.ceil(data.details.duration_ms)} ${data.name}\n`;
    if (type !== 'test:fail') continue;
    const { duration_ms, error } = data.details;
    const { failureType = '' } = error as { failureType?: string };
    // A suite fails with its tests. Tests that haven't started are canceled when one times out.
    if (failureType === 'subtestsFailed' || failureType === 'cancelledByParent') continue;
    const outcome = failureType === 'testTimeoutFailure' ? 'hung' : 'failed';
    yield `${outcome} ${Math.ceil(duration_ms)} ${data.name}\n`;
  }
}
