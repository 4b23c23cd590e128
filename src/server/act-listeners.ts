import { ActType } from "../acts/entities.js";
import { listenToActs } from "../acts/service.js";
import { quarantineOnCompromise } from "../exchange/compromise/service.js";

// What later domains do in the transaction of an earlier one's act, a line each.
listenToActs(ActType.KEY_REVOKED, quarantineOnCompromise);
