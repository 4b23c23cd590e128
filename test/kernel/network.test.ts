import { expect, test } from "vitest";
import { networkOf } from "../../src/kernel/network.js";

test.each([
  ["192.0.2.17", "192.0.2"],
  ["::ffff:192.0.2.99", "192.0.2"],
  ["2001:db8:7:1::1", "2001:db8:7"],
  ["::1", ""],
])("the network of %s is %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
