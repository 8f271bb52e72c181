-- Frees what a claim holds; what is under way is not touched. P1: the claim.
UPDATE dbo.NotificationDeliveries SET ClaimId = NULL, AvailableAt = DueAt
WHERE ClaimId = @P1 AND Stage IS NOT NULL AND Status <> 'sending';
