import "reflect-metadata";
import { serveTasks } from "../../platform/threads.js";
import { renderStatement } from "./render.js";

serveTasks(renderStatement);
