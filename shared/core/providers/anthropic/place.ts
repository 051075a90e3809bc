// Where a message of a chat goes.

/** Part of the `system` field. */
export const SYSTEM_FIELD: i32 = 0;
/** A system message that keeps its place. */
export const SYSTEM_TURN: i32 = 1;
export const USER_TURN: i32 = 2;
export const ASSISTANT_TURN: i32 = 3;
/** The result of a tool (or of a function, its forerunner), part of a user's turn. */
export const TOOL_RESULT: i32 = 4;
