/** A safeguard removed: below its marker, `// safeguard: <id>`, the code `from` becomes `to`, and the tests in `test` must fail. */
export type Mutation = {
  what: string;
  /** The id in the marker. */
  safeguard: string;
  /** Compared without regard to names: see safeguards.ts. */
  from: string;
  to: string;
  /** The file, from the root of the project, without .test.ts. */
  test: string;
  /** A pattern for the titles of the tests that notice it, if the file has many slow ones. */
  named?: string | undefined;
};
