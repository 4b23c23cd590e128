import "reflect-metadata";
import { forgetDatabase } from "./app.js";

// Files share the modules of their worker, not its database.
forgetDatabase();
