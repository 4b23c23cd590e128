/**
 * Takes items one by one and works on so many at a time, in no order among them. After the first failure, of the source
 * or of the work, nothing more is taken; what is under way ends, and then that failure is thrown.
 */
export async function inParallel<T>(
  source: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const items = source[Symbol.asyncIterator]();
  const failures: unknown[] = [];
  const lane = async () => {
    try {
      while (failures.length === 0) {
        const { done, value } = await items.next();
        if (done === true) return;
        await work(value);
      }
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all(Array.from({ length: limit }, lane));
  if (failures.length === 0) return;
  await items.return?.();
  throw failures[0];
}
