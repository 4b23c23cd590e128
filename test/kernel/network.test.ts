import { expect, test } from "vitest";
import { judgedNetwork, ratedNetwork } from "../../src/kernel/network.js";

test.each([
  ["192.0.2.17", "192.0.2", "192.0.2.17"],
  ["::ffff:192.0.2.99", "192.0.2", "192.0.2.99"],
  ["::FFFF:192.0.2.99", "192.0.2", "192.0.2.99"],
  ["2001:db8:7:1::1", "2001:db8:7", "2001:db8:7:1"],
  ["2001:db8::7:1", "2001:db8:0", "2001:db8:0:0"],
  ["2001:db8::", "2001:db8:0", "2001:db8:0:0"],
  ["2001:db8:0:1:2:3:4:5", "2001:db8:0", "2001:db8:0:1"],
  ["::1", "0:0:0", "0:0:0:0"],
])("the network of %s is %s where it is judged, and %s in rates", (address, judged, rated) => {
  expect([judgedNetwork(address), ratedNetwork(address)]).toEqual([judged, rated]);
});
