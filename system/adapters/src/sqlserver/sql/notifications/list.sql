-- A page of a user's notifications, by number. P1: the user, P2: after so many, P3: at most so many.
EXEC dbo.GetNotifications @UserId = @P1, @Skip = @P2, @Take = @P3;
