-- The devices of a user. P1: the user.
EXEC dbo.GetUserDevices @UserId = @P1;
