// Parts of a face that are fetched when they are asked for.
import { expect, test, vi } from "vitest";
import { fetchRest, lazily } from "../src/kit/lazy.tsx";

// The hooks of one drawing: what it sets, and what it would do once it is on the screen.
const drawing = vi.hoisted(() => ({ set: vi.fn(), effects: [] as (() => void)[] }));
vi.mock("preact/hooks", async (original) => ({
  ...(await original<typeof import("preact/hooks")>()),
  useState: (first: unknown) => [first, drawing.set],
  useEffect: (effect: () => void) => drawing.effects.push(effect),
}));

test("a part that comes between the drawing of its page and the page's effects is shown", async () => {
  vi.useFakeTimers();
  const Part = lazily(() => Promise.resolve(() => null));
  Part({});
  fetchRest();
  await vi.runAllTimersAsync();
  for (const effect of drawing.effects) effect();
  await vi.runAllTimersAsync();
  expect(drawing.set).toHaveBeenCalledWith("there");
});
