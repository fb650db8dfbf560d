-- Removes confirmed reports and signals their workers.
-- Atomic, so that a report that is sent again meanwhile is either removed with the first or
-- delivered again, never stored without a notice.
-- ARGV: epoch, incarnation, keys.
local refusal = check_scheduler(ARGV[1], ARGV[2])
if refusal then return refusal end
expire_due()
confirm_reports(3, #ARGV)
return finish({'ok'})
