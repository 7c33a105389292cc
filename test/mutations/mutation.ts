/** Removes a safeguard: below its marker, `// safeguard: <id>`, the code `from` becomes `to`. The tests in `test` must fail then. */
export type Mutation = {
  /** The name of the safeguard, for the output. */
  what: string;
  /** The id in the marker. */
  safeguard: string;
  /** Compared regardless of names: see safeguards.ts. */
  from: string;
  to: string;
  /** The path of the test file from the root of the project, without .test.ts. */
  test: string;
  /** A pattern for the titles of the tests that notice the mutation, if the file has many slow ones. */
  named?: string | undefined;
};
