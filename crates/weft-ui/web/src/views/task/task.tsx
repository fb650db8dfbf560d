export function TaskPage() { return null; }
export function MappedTaskPage() { return null; }
