/** Dialogs whose code comes when they are opened. */
import { type ComponentType, lazy, Suspense } from "react";

/** The component that `load` brings; nothing is drawn until it is here. */
export function late<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const Part: ComponentType<Props> = lazy(async () => ({ default: await load() }));
  return function Late(props: Props) {
    return (
      <Suspense>
        <Part {...props} />
      </Suspense>
    );
  };
}
