/** Why an instance waits, or how it came to its state. */
import { useQuery } from "@tanstack/react-query";
import { why as whyQuery } from "../../api/queries";
import { Answer, Box } from "../../parts/states";
import { Time, UntrustedText } from "../../parts/text";
import { Badge } from "../../state/mark";
import { isEnded } from "../../state/states";
import { AnswerFacts, useAnswered } from "../approvals/answered";
import { WaitsFor } from "../run/waits";
import type { AttemptProps } from "./limits";

export function WhyTab({ run, instance }: AttemptProps) {
  const query = useQuery(whyQuery(run.id, instance.task, instance.index));
  const answered = useAnswered({ run: run.id, task: instance.task, index: instance.index });
  return (
    <div className="body">
      <div className="pad col g16">
        <Box title={isEnded(instance.state) ? "How it came to this" : "Why it is where it is"}>
          <div className="pad16 col g8">
            <Badge state={instance.state} />
            {instance.cause && <div className="mut">Cause: {instance.cause.replaceAll("_", " ")}</div>}
            {instance.error && (
              <div className="wrapany">
                <UntrustedText max={1000}>{instance.error.message}</UntrustedText>
              </div>
            )}
            {instance.due && instance.state !== "deferred" && (
              <div>
                Goes on by itself <Time at={instance.due} form="relative" />, at <Time at={instance.due} named />.
              </div>
            )}
          </div>
        </Box>
        {instance.state === "deferred" && (
          <Box title="What it waits for">
            <div className="pad16">
              <WaitsFor run={run} instance={instance} />
            </div>
          </Box>
        )}
        {answered && (
          <Box title="What it asked" note={`in attempt ${answered.attempt}`}>
            <div className="pad16">
              <AnswerFacts approval={answered} />
            </div>
          </Box>
        )}
        {!isEnded(instance.state) && instance.state !== "deferred" && (
          <Answer of={query}>
            {(data) => (
              <Box title="What holds it back" note={data.reasons.length > 1 ? "the decisive one first" : ""}>
                {data.reasons.length === 0 ? (
                  <div className="empty">Nothing: it runs, or is about to.</div>
                ) : (
                  data.reasons.map((reason) => (
                    <div key={reason.code + reason.message} className="pad16">
                      <div className="m wrapany">
                        <UntrustedText max={600}>{reason.message}</UntrustedText>
                      </div>
                      {reason.help && <div className="mut">{reason.help}</div>}
                      <code className="mut">{reason.code}</code>
                    </div>
                  ))
                )}
              </Box>
            )}
          </Answer>
        )}
      </div>
    </div>
  );
}
